"""Weekly data set releases: their tables, what to remove from them, their description files, and the commit to the Hub.

A release is built as a folder, with the same bytes every time (`folder`), and uploaded to the Hub in one atomic commit
plus a tag (`commit`). Scheduling belongs in `schedules`; the tables themselves belong in the SQL project.
"""
