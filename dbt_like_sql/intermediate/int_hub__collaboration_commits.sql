with

commit_authors as (
    select snapshot_date, repo_key, commit_number, committed_at, is_duplicate, author, place
    from {{ ref('int_hub__commit_authors') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'model'
),

developers as (
    select author, developer_id, is_bot, is_generic
    from {{ source('core', 'developers') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

participations as (
    select repo_type, repo_key, coalesce(namespace, repo_key) as namespace, author, is_starter
    from {{ ref('int_hub__participations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

rules as (
    select
        count(case when rule = 'duplicate_co_authors' then 1 end) > 0 as are_duplicates_out,
        max(case when rule = 'squash_co_authors' then threshold end) as most_co_authors
    from {{ ref('contribution_rules') }}
    where is_applied
),

-- a generic name is a separate developer in each repository
named as (
    select
        commit_authors.*,
        case
            when developers.is_generic then concat(developers.developer_id, '-', commit_authors.repo_key)
            else developers.developer_id
        end as developer_id,
        coalesce(developers.is_bot, false) as is_bot
    from commit_authors
    cross join rules
    left join developers on commit_authors.author = developers.author
    where commit_authors.place = 1 or not (commit_authors.is_duplicate and rules.are_duplicates_out)
),

-- count a commit once if it names the same developer under two names
contributions as (
    select
        snapshot_date,
        repo_key,
        commit_number,
        developer_id,
        bool_and(is_bot) as is_bot,
        min(place) = 1 as is_first_author,
        min(committed_at) as committed_at
    from named
    group by snapshot_date, repo_key, commit_number, developer_id
),

-- while the rule is off, no commit counts as having too many co-authors
crowded as (
    select contributions.repo_key, contributions.commit_number
    from contributions
    inner join rules on rules.most_co_authors is not null
    where not contributions.is_first_author and not contributions.is_bot
    group by contributions.repo_key, contributions.commit_number
    having count(*) > max(rules.most_co_authors)
),

-- a renamed model can have two namespaces
homes as (
    select distinct repo_key, namespace
    from participations
    where repo_type = 'model'
),

co_authors as (
    select contributions.repo_key, contributions.commit_number, contributions.developer_id, homes.namespace
    from contributions
    inner join crowded
        on contributions.repo_key = crowded.repo_key
        and contributions.commit_number = crowded.commit_number
    inner join homes on contributions.repo_key = homes.repo_key
    where not contributions.is_first_author and not contributions.is_bot
),

answers as (
    select author, unnest(organizations) as organization
    from {{ ref('stg_hub__accounts') }}
    where snapshot_date <= date '{{ var('snapshot_date') }}' and outcome = 'ok'
),

accounts as (
    select developer_id, lower(author) as namespace
    from developers
    where not is_generic
    union
    select developers.developer_id, lower(answers.organization.name) as namespace
    from answers
    inner join developers on answers.author = developers.author
),

acquainted as (
    select co_authors.repo_key, co_authors.commit_number, co_authors.developer_id
    from co_authors
    inner join contributions
        on co_authors.repo_key = contributions.repo_key
        and co_authors.developer_id = contributions.developer_id
        and co_authors.commit_number <> contributions.commit_number
    union
    select co_authors.repo_key, co_authors.commit_number, co_authors.developer_id
    from co_authors
    inner join developers on co_authors.developer_id = developers.developer_id
    inner join participations
        on developers.author = participations.author
        and co_authors.namespace = participations.namespace
    where
        participations.is_starter
        or participations.repo_type <> 'model'
        or participations.repo_key <> co_authors.repo_key
    union
    select co_authors.repo_key, co_authors.commit_number, co_authors.developer_id
    from co_authors
    inner join accounts
        on co_authors.developer_id = accounts.developer_id
        and lower(co_authors.namespace) = accounts.namespace
),

squashes as (
    select co_authors.repo_key, co_authors.commit_number
    from co_authors
    left join acquainted
        on co_authors.repo_key = acquainted.repo_key
        and co_authors.commit_number = acquainted.commit_number
        and co_authors.developer_id = acquainted.developer_id
    group by co_authors.repo_key, co_authors.commit_number
    having
        2 * count(distinct case when acquainted.developer_id is null then co_authors.developer_id end)
        > count(distinct co_authors.developer_id)
)

select
    contributions.snapshot_date,
    contributions.repo_key,
    contributions.commit_number,
    contributions.developer_id,
    contributions.is_bot,
    contributions.is_first_author,
    contributions.committed_at
from contributions
left join squashes
    on contributions.repo_key = squashes.repo_key
    and contributions.commit_number = squashes.commit_number
where contributions.is_first_author or squashes.commit_number is null
