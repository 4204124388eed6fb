with

models as (
    select
        'model' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        is_gated, is_disabled, n_likes, n_downloads, n_parameters, tags
    from {{ ref('stg_hub__models') }}
),

datasets as (
    select
        'dataset' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        is_gated, is_disabled, n_likes, n_downloads, cast(null as bigint) as n_parameters, tags
    from {{ ref('stg_hub__datasets') }}
),

-- spaces are never gated, and the Hub does not count their downloads
spaces as (
    select
        'space' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        false as is_gated, is_disabled, n_likes, cast(null as bigint) as n_downloads,
        cast(null as bigint) as n_parameters, tags
    from {{ ref('stg_hub__spaces') }}
),

repositories as (
    select * from models
    union all
    select * from datasets
    union all
    select * from spaces
)

select
    snapshot_date,
    repo_type,
    repo_key,
    repo_id,
    case when repo_id like '%/%' then split_part(repo_id, '/', 1) end as namespace,
    observed_at,
    created_at,
    last_modified_at,
    sha,
    is_gated,
    is_disabled,
    n_likes,
    n_downloads,
    n_parameters,
    list_transform(
        list_filter(tags, lambda tag: starts_with(tag, 'license:')),
        lambda tag: lower(substr(tag, 9))
    ) as licenses,
    tags
from repositories
where snapshot_date = {{ var('snapshot_date') }}
