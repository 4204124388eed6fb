select
    snapshot_date,
    repo_type,
    repo_key,
    author,
    count(*) as n_commits,
    count(case when place = 1 then 1 end) as n_first_commits,
    min(committed_at) as first_commit_at,
    max(committed_at) as last_commit_at,
    -- `list` keeps nulls, which come from undated commits
    list_filter(
        list_sort(list(distinct cast(date_trunc('week', committed_at) as date))), lambda week: week is not null
    ) as active_weeks
from {{ ref('int_hub__commit_authors') }}
where snapshot_date = date '{{ var('snapshot_date') }}'
group by snapshot_date, repo_type, repo_key, author
