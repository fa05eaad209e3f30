"""Whatever happens in whatever order, the tables say what a simple model says."""

import asyncio

from conftest import Database, new_database
from machine import ground, run_machine


def test_inbox_turn_and_outbox_do_what_the_model_does(postgres: Database) -> None:
    with asyncio.Runner() as runner:
        opened = new_database(postgres)
        database = runner.run(opened.__aenter__())
        try:
            with ground(database.owner_dsn, database.app_dsn) as here:
                run_machine(here, runs=25, steps=30)
        finally:
            runner.run(opened.__aexit__(None, None, None))
