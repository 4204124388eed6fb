with

-- leave out archived rows of weeks whose listing we collected ourselves
own_weeks as (
    select distinct snapshot_date from {{ source('raw_hub', 'datasets') }}
),

listed as (
    select *, false as is_archived from {{ source('raw_hub', 'datasets') }}
    union all
    select archived.*, true as is_archived
    from {{ source('raw_archive', 'datasets') }} as archived
    left join own_weeks on archived.snapshot_date = own_weeks.snapshot_date
    where own_weeks.snapshot_date is null
)

-- older versions of the code stored some invalid counts and timestamps; replace them with null, as the current one does
select
    snapshot_date,
    observed_at,
    _id as repo_key,
    id as repo_id,
    author,
    case when createdAt between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999' then createdAt end
        as created_at,
    case
        when lastModified between timestamp '0001-01-01' and timestamp '9999-12-31 23:59:59.999999' then lastModified
    end
        as last_modified_at,
    sha,
    gated,
    gated <> 'false' as is_gated,
    disabled as is_disabled,
    case when likes between 0 and 1000000000000000 then likes end as n_likes,
    case when downloads between 0 and 1000000000000000 then downloads end as n_downloads,
    case when downloadsAllTime between 0 and 1000000000000000 then downloadsAllTime end as n_downloads_all_time,
    trendingScore as trending_score,
    tags,
    description,
    case when mainSize between 0 and 1000000000000000 then mainSize end as n_bytes,
    cardData as card_json,
    extra,
    is_archived
from listed
