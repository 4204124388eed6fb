with

listed as (
    select
        lower(namespace) as handle,
        min(namespace) as namespace
    from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and namespace is not null
    group by lower(namespace)
),

-- a failed lookup does not override an earlier response
answers as (
    select
        lower(name) as handle,
        account_type,
        row_number() over (partition by lower(name) order by snapshot_date desc, author asc) as place
    from {{ ref('stg_hub__accounts') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and outcome = 'ok'
),

accounts as (
    select handle, account_type from answers
    where place = 1
),

organizations as (
    select * from {{ ref('int_hub__organizations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    listed.handle,
    listed.namespace,
    coalesce(organizations.organization, listed.namespace) as organization,
    case
        when organizations.kind <> 'unknown' then organizations.kind
        when accounts.account_type = 'user' then 'individual'
        else 'unknown'
    end as kind,
    organizations.country,
    coalesce(organizations.organization_group, listed.namespace) as organization_group,
    organizations.handle is not null and organizations.kind <> 'unknown' as is_mapped,
    accounts.account_type
from listed
left join organizations on listed.handle = organizations.handle
left join accounts on listed.handle = accounts.handle
