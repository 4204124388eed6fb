with

repositories as (
    select * from {{ ref('int_hub__repositories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

commit_histories as (
    select * from {{ ref('int_hub__commit_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

discussion_histories as (
    select * from {{ ref('int_hub__discussion_histories') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

committers as (
    select repo_type, repo_key, developer_id
    from {{ ref('int_hub__developer_contributions') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

starters as (
    select repo_type, repo_key, developer_id
    from {{ ref('int_hub__developer_discussions') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a developer who committed and opened a discussion counts once
people as (
    select * from committers
    union
    select * from starters
),

committer_counts as (
    select repo_type, repo_key, count(developer_id) as n_committers
    from committers
    group by repo_type, repo_key
),

starter_counts as (
    select repo_type, repo_key, count(developer_id) as n_disc_starters
    from starters
    group by repo_type, repo_key
),

community_counts as (
    select repo_type, repo_key, count(developer_id) as n_community
    from people
    group by repo_type, repo_key
),

usage as (
    select model_key, count(distinct space_key) as n_spaces
    from {{ ref('int_hub__space_models') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and is_resolved
    group by model_key
),

-- usage is unknown, not 0, if the week's listing does not include the models that Spaces use
usage_observed as (
    select count(model_ids) > 0 as is_observed
    from {{ ref('stg_hub__spaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

counted as (
    select
        repositories.snapshot_date,
        repositories.repo_type,
        repositories.repo_key,
        repositories.repo_id,
        repositories.namespace,
        repositories.created_at,
        repositories.last_modified_at,
        date_diff('day', cast(repositories.created_at as date), repositories.snapshot_date) as age_days,
        repositories.is_gated,
        repositories.is_disabled,
        repositories.licenses[1] as license,
        repositories.licenses,
        case
            when repositories.licenses is null then null
            when len(repositories.licenses) = 0 then 'none'
            else coalesce(license_groups.license_group, 'other')
        end as license_group,
        repositories.n_parameters,
        repositories.n_likes,
        repositories.n_downloads,
        -- counts are null if the history is unknown, and 0 if it is known but names no developers
        discussion_histories.n_discussions,
        case when discussion_histories.n_discussions is not null then coalesce(starter_counts.n_disc_starters, 0) end
            as n_disc_starters,
        commit_histories.n_commits,
        case when commit_histories.n_commits is not null then coalesce(committer_counts.n_committers, 0) end
            as n_committers,
        case
            when commit_histories.n_commits is not null and discussion_histories.n_discussions is not null
                then coalesce(community_counts.n_community, 0)
        end as n_community,
        case
            when repositories.repo_type = 'model' and usage_observed.is_observed then coalesce(usage.n_spaces, 0)
        end as n_usage_spaces,
        coalesce(commit_histories.outcome, 'not_asked') as commits_outcome,
        coalesce(discussion_histories.outcome, 'not_asked') as discussions_outcome,
        discussion_histories.age_days as discussions_age_days
    from repositories
    cross join usage_observed
    left join commit_histories
        on repositories.repo_type = commit_histories.repo_type
        and repositories.repo_key = commit_histories.repo_key
    left join discussion_histories
        on repositories.repo_type = discussion_histories.repo_type
        and repositories.repo_key = discussion_histories.repo_key
    left join committer_counts
        on repositories.repo_type = committer_counts.repo_type
        and repositories.repo_key = committer_counts.repo_key
    left join starter_counts
        on repositories.repo_type = starter_counts.repo_type
        and repositories.repo_key = starter_counts.repo_key
    left join community_counts
        on repositories.repo_type = community_counts.repo_type
        and repositories.repo_key = community_counts.repo_key
    left join usage
        on repositories.repo_type = 'model' and repositories.repo_key = usage.model_key
    left join {{ ref('license_groups') }} as license_groups
        on repositories.licenses[1] = license_groups.license
)

-- derive the roles from the sizes of the community and its two groups; null if the community is unknown
select
    *,
    n_community - n_disc_starters as n_only_committers,
    n_community - n_committers as n_only_starters,
    n_committers + n_disc_starters - n_community as n_both
from counted
