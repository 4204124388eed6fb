-- numbers for recent weeks change when a later listing reveals an error, so each snapshot restates them with all
-- corrections known by then
with

recent as (
    select snapshot_date as flow_date, repo_type, n_days
    from {{ ref('int_hub__listing_totals') }}
    where
        snapshot_date <= date '{{ var('snapshot_date') }}'
        and snapshot_date > date '{{ var('snapshot_date') }}' - interval '126 days'
        and repo_type <> 'space'
),

raw_flows as (
    select snapshot_date as flow_date, repo_type, cast(sum(n_new_downloads) as bigint) as n_new_downloads
    from {{ ref('int_hub__listing_changes') }}
    where
        snapshot_date <= date '{{ var('snapshot_date') }}'
        and snapshot_date > date '{{ var('snapshot_date') }}' - interval '126 days'
        and is_listed
    group by snapshot_date, repo_type
),

corrections as (
    select flow_date, repo_type, cast(sum(amount) as bigint) as n_moved, count(distinct repo_key) as n_corrected
    from {{ source('core', 'flow_corrections') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}'
    group by flow_date, repo_type
),

suspicions as (
    select snapshot_date as flow_date, repo_type, string_agg(rule, ', ' order by rule) as suspicions
    from {{ source('core', 'week_quality') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and severity in ('warning', 'error')
    group by snapshot_date, repo_type
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    recent.repo_type,
    recent.flow_date,
    recent.n_days,
    raw_flows.n_new_downloads,
    raw_flows.n_new_downloads + coalesce(corrections.n_moved, 0) as n_corrected_downloads,
    coalesce(corrections.n_corrected, 0) as n_corrected_repos,
    suspicions.suspicions is not null as is_suspect,
    suspicions.suspicions
from recent
left join raw_flows on recent.repo_type = raw_flows.repo_type and recent.flow_date = raw_flows.flow_date
left join corrections on recent.repo_type = corrections.repo_type and recent.flow_date = corrections.flow_date
left join suspicions on recent.repo_type = suspicions.repo_type and recent.flow_date = suspicions.flow_date
