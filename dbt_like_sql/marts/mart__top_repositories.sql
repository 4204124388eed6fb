with

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
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

totals as (
    select repo_type, variable, count(amount) as n, count(*) as n_listed
    from observed
    group by repo_type, variable
),

ranked as (
    select
        *,
        row_number() over (partition by repo_type, variable order by amount desc, repo_id asc, repo_key asc) as place
    from observed
    where amount > 0
)

select
    ranked.snapshot_date,
    ranked.repo_type,
    ranked.variable,
    ranked.place as rank,
    ranked.repo_key,
    ranked.repo_id,
    ranked.amount as value,
    totals.n,
    totals.n_listed,
    totals.n / totals.n_listed as share_known
from ranked
inner join totals on ranked.repo_type = totals.repo_type and ranked.variable = totals.variable
where ranked.place <= 10
order by ranked.repo_type, ranked.variable, ranked.place
