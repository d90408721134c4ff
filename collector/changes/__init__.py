"""`POST /api/changes`: deploys, flags, configuration; what evidence looks at first."""
