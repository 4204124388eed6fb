with

pages as (
    select unnest(commits) as item
    from {{ ref('stg_hub__commits') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}'
),

trailers as (
    select unnest(item.trailers) as trailer
    from pages
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    trailer.name as name,
    trailer.handle as handle,
    count(*) as n_commits
from trailers
where trailer.name is not null and trailer.handle is not null
group by trailer.name, trailer.handle
