"""Jobs: what happens beside the requests, through procrastinate's queue in the same database.

Tasks are thin: each calls one service and may run twice without harm. Deferring a job notifies, and PostgreSQL's
NOTIFY serialises commits: so no procrastinate call belongs into a unit of work that moves money.
"""
