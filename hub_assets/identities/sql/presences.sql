select distinct namespace, author from participations
