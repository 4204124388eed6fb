with

models as (
    select
        'model' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        is_gated, is_disabled, n_likes, n_downloads, n_parameters, tags, cast(null as varchar[]) as card_licenses
    from {{ ref('stg_hub__models') }}
),

datasets as (
    select
        'dataset' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        is_gated, is_disabled, n_likes, n_downloads, cast(null as bigint) as n_parameters, tags,
        cast(null as varchar[]) as card_licenses
    from {{ ref('stg_hub__datasets') }}
),

-- spaces are never gated, and the Hub does not count their downloads
spaces as (
    select
        'space' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        false as is_gated, is_disabled, n_likes, cast(null as bigint) as n_downloads,
        cast(null as bigint) as n_parameters, tags,
        -- no tag says the license of a space; its card does, as one name or several
        case
            when not coalesce(json_valid(card_json), false) then null
            when json_type(card_json, '$.license') = 'ARRAY' then json_extract_string(card_json, '$.license[*]')
            when json_type(card_json, '$.license') = 'VARCHAR' then [json_extract_string(card_json, '$.license')]
            else cast([] as varchar[])
        end as card_licenses
    from {{ ref('stg_hub__spaces') }}
),

repositories as (
    select * from models
    union all
    select * from datasets
    union all
    select * from spaces
),

tagged as (
    select *, list_filter(tags, lambda tag: starts_with(tag, 'license:')) as tag_licenses
    from repositories
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
    case
        when repo_type = 'space' and coalesce(len(tag_licenses), 0) = 0
            then list_transform(card_licenses, lambda name: lower(trim(name)))
        else list_transform(tag_licenses, lambda tag: lower(trim(substr(tag, 9))))
    end as licenses,
    tags
from tagged
where snapshot_date = {{ var('snapshot_date') }}
