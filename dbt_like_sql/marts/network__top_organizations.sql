with

placed as (
    select * from {{ ref('int_hub__leading_models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a failed lookup does not override an earlier response
answers as (
    select
        lower(name) as handle,
        account_type,
        trim(fullname) as page_name,
        row_number() over (partition by lower(name) order by snapshot_date desc, author asc) as place
    from {{ ref('stg_hub__accounts') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and outcome = 'ok'
),

accounts as (
    select handle, account_type, page_name from answers
    where place = 1
),

organizations as (
    select * from {{ ref('int_hub__organizations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and kind <> 'unknown'
),

-- any account can display another account's name, so the name is shown with the namespace. Users' display names are
-- personal data and are not shown
developed as (
    select
        placed.snapshot_date,
        placed.network,
        placed.ranking,
        placed.rank,
        case
            when organizations.organization is not null then organizations.organization
            when accounts.account_type = 'org' and lower(accounts.page_name) not in ('', lower(placed.namespace))
                then concat(accounts.page_name, ' (', placed.namespace, ')')
            else coalesce(placed.namespace, placed.repo_id)
        end as organization,
        case
            when organizations.organization is not null then organizations.kind
            when accounts.account_type = 'org' then 'organization'
            when accounts.account_type = 'user' then 'individual'
            else 'unknown'
        end as kind
    from placed
    left join organizations on lower(placed.namespace) = organizations.handle
    left join accounts on lower(placed.namespace) = accounts.handle
),

counted as (
    select snapshot_date, network, ranking, organization, kind, count(*) as n_models, min(rank) as best_rank
    from developed
    group by snapshot_date, network, ranking, organization, kind
),

ranked as (
    select
        *,
        row_number() over (partition by network, ranking order by n_models desc, best_rank asc) as place,
        row_number() over (
            partition by network, ranking, kind in ('individual', 'unknown') order by n_models desc, best_rank asc
        ) as place_among_its_like,
        sum(n_models) over (partition by network, ranking) as n_ranked
    from counted
)

select
    snapshot_date,
    network,
    ranking,
    organization,
    kind,
    n_models,
    n_models / n_ranked as share,
    place as rank,
    sum(
        case when kind not in ('individual', 'unknown') and place_among_its_like <= 5 then n_models else 0 end
    ) over (partition by network, ranking) / n_ranked as share_of_leading_five,
    sum(
        case when kind = 'unknown' then n_models else 0 end
    ) over (partition by network, ranking) / n_ranked as share_unknown
from ranked
