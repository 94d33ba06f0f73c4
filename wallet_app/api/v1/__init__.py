"""Version 1 of the API, one module a resource, each beside the schema of what it takes and answers."""
