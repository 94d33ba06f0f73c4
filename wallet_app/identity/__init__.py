"""Who: users, their credentials and sessions, roles and permissions, and whose accounts they may use."""
