with

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

observed as (
    select snapshot_date, repo_type, repo_key, repo_id, 'n_likes' as variable, n_likes as amount from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_discussions', n_discussions from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_disc_starters', n_disc_starters from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_commits', n_commits from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_committers', n_committers from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_community', n_community from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_downloads', n_downloads from activity
    union all
    select snapshot_date, repo_type, repo_key, repo_id, 'n_usage_spaces', n_usage_spaces from activity
),

ranked as (
    select
        *,
        row_number() over (partition by repo_type, variable order by amount desc, repo_id, repo_key) as place
    from observed
    where amount > 0
)

select
    snapshot_date,
    repo_type,
    variable,
    place as rank,
    repo_key,
    repo_id,
    amount as value
from ranked
where place <= 10
