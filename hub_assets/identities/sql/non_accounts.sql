-- names that are not known to be accounts, by namespace
select presences.namespace, presences.author
from presences inner join authors on presences.author = authors.author
where authors.is_account is not true
