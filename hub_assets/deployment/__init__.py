"""Files that run the observatory on a server: containers, systemd units, and settings for PostgreSQL. No code."""
