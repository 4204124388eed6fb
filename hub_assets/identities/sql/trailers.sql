-- a handle may be capitalized differently from an account's name if the Hub has linked that name to an account
with
known as (
    select all_trailers.name, authors.author as handle
    from all_trailers
    inner join authors
        on lower(all_trailers.handle) = lower(authors.author)
        and (all_trailers.handle = authors.author or authors.is_linked)
)

select distinct known.name, known.handle
from known
inner join features as names on known.name = names.name
inner join features as handles on known.handle = handles.name
