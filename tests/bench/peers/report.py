from bench.peers.measure import Measured
from collections.abc import Mapping
from statistics import median


def report(measured):
    out = []
    for n, m in measured.items():
        out.append(f"{n} {m.version} {m.failure}")
        for what in ("searches", "writes"):
            for k, v in getattr(m, what).items():
                out.append(f"  {what} {k}: {median(v):.2f} max {max(v):.1f}")
        for what in ("recalls", "hits"):
            for k, v in getattr(m, what).items():
                out.append(f"  {what} {k}: {sum(v) / len(v):.3f}")
        if m.turns:
            out.append(f"  turns {median(m.turns):.1f}")
        for k, v in m.calls.items():
            out.append(f"  {k} {v[0]}")
    return "\n".join(out)
