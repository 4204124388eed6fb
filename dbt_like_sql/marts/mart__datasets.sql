with

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'dataset'
),

listed as (
    select repo_key, tags, n_bytes, n_downloads_all_time, trending_score
    from {{ ref('stg_hub__datasets') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

namespaces as (
    select * from {{ ref('int_hub__namespaces') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

themes as (
    select
        repo_key,
        list(theme order by theme) filter (where dimension = 'modality') as modalities,
        list(theme order by theme) filter (where dimension = 'domain') as domains
    from {{ ref('int_hub__themes') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'dataset'
    group by repo_key
),

unnested as (
    select repo_key, unnest(tags) as tag
    from listed
),

tagged as (
    select repo_key, lower(trim(tag)) as tag
    from unnested
),

named as (
    select
        repo_key,
        list(distinct substr(tag, 10) order by substr(tag, 10)) filter (where starts_with(tag, 'language:'))
            as languages,
        min(case when starts_with(tag, 'size_categories:') then substr(tag, 17) end) as size_category,
        count(distinct case when starts_with(tag, 'size_categories:') then tag end) as n_size_categories
    from tagged
    where starts_with(tag, 'language:') or starts_with(tag, 'size_categories:')
    group by repo_key
)

select
    activity.snapshot_date,
    activity.repo_key,
    activity.repo_id,
    activity.namespace,
    coalesce(namespaces.organization, '(no namespace)') as organization,
    coalesce(namespaces.kind, 'unknown') as kind,
    namespaces.country,
    benchmarks.benchmark,
    coalesce(themes.modalities, cast([] as varchar[])) as modalities,
    coalesce(themes.domains, cast([] as varchar[])) as domains,
    coalesce(named.languages, cast([] as varchar[])) as languages,
    -- a dataset with several size tags does not belong to a single class
    case
        when
            named.n_size_categories = 1 and named.size_category in (
                'n<1k', '1k<n<10k', '10k<n<100k', '100k<n<1m', '1m<n<10m', '10m<n<100m', '100m<n<1b', '1b<n<10b',
                '10b<n<100b', '100b<n<1t', 'n>1t'
            )
            then named.size_category
        else 'unknown'
    end as size_class,
    listed.n_bytes,
    activity.license,
    coalesce(activity.license_group, 'unknown') as license_group,
    cast(activity.created_at as date) as created_date,
    activity.n_downloads,
    listed.n_downloads_all_time,
    activity.n_likes,
    listed.trending_score
from activity
left join listed on activity.repo_key = listed.repo_key
left join namespaces on lower(activity.namespace) = namespaces.handle
left join themes on activity.repo_key = themes.repo_key
left join named on activity.repo_key = named.repo_key
left join {{ ref('benchmarks') }} as benchmarks on lower(activity.repo_id) = benchmarks.dataset_id
-- readers scan one organization at a time, and break ties by this order
order by organization, activity.repo_id
