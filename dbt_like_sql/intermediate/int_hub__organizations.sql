with

-- the Hub ignores case in namespaces; if a namespace has several rows, the latest one valid in this week counts
valid as (
    select
        lower(namespace) as handle,
        organization,
        kind,
        country,
        organization_group,
        row_number() over (
            partition by lower(namespace) order by coalesce(valid_from, date '0001-01-01') desc
        ) as place
    from {{ ref('organizations') }}
    where valid_from is null or valid_from <= date '{{ var('snapshot_date') }}'
)

select date '{{ var('snapshot_date') }}' as snapshot_date, handle, organization, kind, country, organization_group
from valid
where place = 1
