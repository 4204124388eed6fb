-- handles are unique regardless of case: a name that differs from a known handle only in case is not an account
with
known as (
    select author as handle from all_authors
    where is_linked
    union
    select namespace from all_participations
    where namespace is not null
    union
    select name from last_answers
    where outcome = 'ok' and name is not null
)

select author
from all_authors
where
    is_linked is false and regexp_full_match(author, '{{ handle }}')
    and lower(author) in (select lower(known.handle) from known)
    and author not in (select known.handle from known)
