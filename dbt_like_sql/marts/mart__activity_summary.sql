with

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

observed as (
    select snapshot_date, repo_type, 1 as place, 'n_likes' as variable, n_likes as amount from activity
    union all
    select snapshot_date, repo_type, 2, 'n_discussions', n_discussions from activity
    union all
    select snapshot_date, repo_type, 3, 'n_disc_starters', n_disc_starters from activity
    union all
    select snapshot_date, repo_type, 4, 'n_commits', n_commits from activity
    union all
    select snapshot_date, repo_type, 5, 'n_committers', n_committers from activity
    union all
    select snapshot_date, repo_type, 6, 'n_community', n_community from activity
    union all
    select snapshot_date, repo_type, 7, 'n_downloads', n_downloads from activity
    where repo_type <> 'space'
    union all
    select snapshot_date, repo_type, 8, 'n_usage_spaces', n_usage_spaces from activity
    where repo_type = 'model'
)

select
    snapshot_date,
    repo_type,
    variable,
    count(amount) as n,
    count(*) as n_listed,
    count(amount) / count(*) as share_known,
    avg(amount) as mean,
    stddev_samp(amount order by amount) as std,
    min(amount) as min,
    quantile_cont(amount, 0.25) as p25,
    quantile_cont(amount, 0.50) as p50,
    quantile_cont(amount, 0.75) as p75,
    max(amount) as max,
    avg(case when amount is not null then cast(amount = 0 as integer) end) as share_zero
from observed
group by snapshot_date, repo_type, variable, place
order by repo_type, place
