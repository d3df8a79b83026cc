"""Reads what the ledgers that scripts write on their instances say."""


def most_at_once(steps):
    """The largest number of runs that went on at a moment; each begins with a step (time, 1) and ends with one (time, -1)."""
    most = running = 0
    for _, step in sorted(steps):
        running += step
        most = max(most, running)
    return most
