"""Who can be benchmarked.

To add an agent: a module here with a class of two methods (agent.py), and a line in AGENTS.
"""

from collections.abc import Mapping

from services.benchmark.agent import Kind
from services.benchmark.agents import http, human, remi, scratchpad, simple

AGENTS: Mapping[str, Kind] = {
    "remi": Kind("Remi with its memory; starts one of its own unless --address names one", remi.remembering),
    "remi-nomemory": Kind("Remi to whom each message comes from somebody new", remi.without_memory),
    "openai-full": Kind("a model that sees the whole talk", simple.openai_full),
    "openai-truncated": Kind("a model that sees the newest that fits into --window", simple.openai_truncated),
    "openai-timestamped": Kind("the same, with the date before each message", simple.openai_timestamped),
    "full-log": Kind("everything that was said, as dated lines", simple.full_log),
    "recency": Kind("the newest 4,000 tokens", simple.recency),
    "bm25": Kind("4,000 tokens by BM25", simple.bm25),
    "bm25-recent": Kind("2,000 tokens by BM25, and the newest 2,000", simple.bm25_recent),
    "semantic": Kind("4,000 tokens by the vectors of --embedding-model", simple.semantic),
    "scratchpad": Kind("the same with queries and notes that a model writes", scratchpad.with_scratchpad),
    "human": Kind("somebody at the keyboard", human.at_the_keyboard),
    "http": Kind("any agent at the URL of --address", http.at_url, hears_twice=False),
}
"""By name; those without a model answer nothing, but tell what they would show one."""
