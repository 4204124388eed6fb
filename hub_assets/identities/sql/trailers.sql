select distinct all_trailers.name, all_trailers.handle
from (
    select all_trailers.name, authors.author as handle
    from all_trailers
    inner join authors
        on lower(all_trailers.handle) = lower(authors.author)
        and (all_trailers.handle = authors.author or authors.is_linked)
) as all_trailers
inner join features as names on all_trailers.name = names.name
inner join features as handles on all_trailers.handle = handles.name
