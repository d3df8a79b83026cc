"""Makes what is stored older than it is, for tests of retention."""

# By table, what is moved; the last of it is the time that counts for whether it goes.
TIMES = {"payloads": ["created_at", "finished_at"], "tasks": ["created_at", "updated_at"], "instances": ["updated_at"],
         "scripts": ["created_at"], "request_ids": ["created_at"], "audit_events": ["at"], "deployments": ["created_at"]}


def age(stack, days, since=None):
    """Moves all rows into the past; with `since`, such as '20 minutes', those for which that time came since then, once."""
    statements = []
    for table, columns in TIMES.items():
        moved = ", ".join(f"{column} = {column} - interval '{days} days'" for column in columns)
        chosen = f" WHERE now() - {columns[-1]} BETWEEN interval '{since}' AND interval '1 day'" if since else ""
        statements.append(f"UPDATE {table} SET {moved}{chosen}")
    stack.sql("SET session_replication_role = replica; " + "; ".join(statements))
