with

models as (
    select
        'model' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        is_gated, is_disabled, n_likes, n_downloads, n_parameters, tags, cast(null as varchar[]) as card_licenses,
        is_archived
    from {{ ref('stg_hub__models') }}
),

datasets as (
    select
        'dataset' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        is_gated, is_disabled, n_likes, n_downloads, cast(null as bigint) as n_parameters, tags,
        cast(null as varchar[]) as card_licenses, is_archived
    from {{ ref('stg_hub__datasets') }}
),

-- Spaces are never gated, and the Hub does not count their downloads
spaces as (
    select
        'space' as repo_type, snapshot_date, observed_at, repo_key, repo_id, created_at, last_modified_at, sha,
        false as is_gated, is_disabled, n_likes, cast(null as bigint) as n_downloads,
        cast(null as bigint) as n_parameters, tags,
        -- the license of a Space is in its card, as one name or several
        case
            when not coalesce(json_valid(card_json), false) then null
            when json_type(card_json, '$.license') = 'ARRAY' then json_extract_string(card_json, '$.license[*]')
            when json_type(card_json, '$.license') = 'VARCHAR' then [json_extract_string(card_json, '$.license')]
            else cast([] as varchar[])
        end as card_licenses,
        is_archived
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
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

written as (
    select
        *,
        case
            when repo_type = 'space' and coalesce(array_length(tag_licenses), 0) = 0
                then list_transform(card_licenses, lambda name: lower(trim(name)))
            else list_transform(tag_licenses, lambda tag: lower(trim(substr(tag, 9))))
        end as names
    from tagged
),

-- millions of repositories share a few hundred license lists, so resolve each distinct list once
lists as (
    select distinct names from written
),

places as (
    select names, generate_subscripts(names, 1) as place, unnest(names) as name
    from lists
),

named as (
    select places.names, coalesce(aliases.license, places.name) as license, min(places.place) as place
    from places
    left join {{ ref('license_aliases') }} as aliases on places.name = aliases.alias
    where places.name <> '' and (aliases.alias is null or aliases.license is not null)
    group by places.names, coalesce(aliases.license, places.name)
),

meant as (
    select names, list(license order by place) as licenses
    from named
    group by names
)

select
    written.snapshot_date,
    written.repo_type,
    written.repo_key,
    written.repo_id,
    case when written.repo_id like '%/%' then split_part(written.repo_id, '/', 1) end as namespace,
    written.observed_at,
    written.created_at,
    written.last_modified_at,
    written.sha,
    written.is_gated,
    written.is_disabled,
    written.n_likes,
    written.n_downloads,
    written.n_parameters,
    case when written.names is not null then coalesce(meant.licenses, []) end as licenses,
    written.tags,
    written.is_archived
from written
left join meant on written.names = meant.names
