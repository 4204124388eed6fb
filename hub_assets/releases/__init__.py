"""Weekly data set releases: what is in one, what must not leave, the files that describe it, and the commit to the Hub.

A release is a folder that is byte-identical when built twice (`folder`), and one atomic commit plus a tag on the Hub
(`commit`). Scheduling belongs in `schedules`; the tables themselves belong to the SQL project.
"""
