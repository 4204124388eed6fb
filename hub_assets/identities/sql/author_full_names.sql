-- the features of the full name that an author's account displays
select authors.author, full_names.* -- noqa: AM04
from authors inner join full_names on authors.full_name = full_names.name
where not authors.is_bot
