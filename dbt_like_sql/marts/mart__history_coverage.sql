with

histories as (
    select
        snapshot_date, repo_type, 'commits' as kind, outcome, is_complete, sample_share, age_days, n_calls
    from {{ ref('int_hub__commit_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select
        snapshot_date, repo_type, 'discussions' as kind, outcome, is_complete, sample_share, age_days, n_calls
    from {{ ref('int_hub__discussion_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    snapshot_date,
    repo_type,
    kind,
    count(*) as n_listed,
    count(case when outcome in ('ok', 'not_modified') then 1 end) as n_known,
    count(case when not is_complete then 1 end) as n_incomplete,
    count(case when outcome = 'ok' then 1 end) as n_ok,
    count(case when outcome = 'not_modified' then 1 end) as n_not_modified,
    count(case when outcome = 'gated' then 1 end) as n_gated,
    count(case when outcome = 'disabled' then 1 end) as n_disabled,
    count(case when outcome = 'gone' then 1 end) as n_gone,
    count(case when outcome = 'moved' then 1 end) as n_moved,
    count(case when outcome = 'discussions_off' then 1 end) as n_discussions_off,
    count(case when outcome = 'failed' then 1 end) as n_failed,
    count(case when outcome = 'not_asked' then 1 end) as n_not_asked,
    count(case when outcome in ('ok', 'not_modified') then 1 end) / count(*) as share_known,
    count(case when outcome <> 'not_asked' then 1 end) / count(*) as share_asked,
    max(sample_share) as sample_share,
    cast(sum(n_calls) as bigint) as n_calls,
    quantile_cont(age_days, 0.5) as p50_age_days,
    max(age_days) as max_age_days
from histories
group by snapshot_date, repo_type, kind
order by repo_type, kind
