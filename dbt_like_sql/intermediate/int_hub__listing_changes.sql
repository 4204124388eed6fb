-- compare each listing with the one before it, which may be several weeks older
with

listings as (
    select
        snapshot_date, 'model' as repo_type, repo_key, repo_id, observed_at, created_at, last_modified_at, n_likes,
        n_downloads, n_downloads_all_time
    from {{ ref('stg_hub__models') }}
    union all
    select
        snapshot_date, 'dataset' as repo_type, repo_key, repo_id, observed_at, created_at, last_modified_at, n_likes,
        n_downloads, n_downloads_all_time
    from {{ ref('stg_hub__datasets') }}
    union all
    select
        snapshot_date, 'space' as repo_type, repo_key, repo_id, observed_at, created_at, last_modified_at, n_likes,
        cast(null as bigint) as n_downloads, cast(null as bigint) as n_downloads_all_time
    from {{ ref('stg_hub__spaces') }}
),

present as (
    select * from listings
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- a type that was not listed this week has no changes
listed_types as (
    select distinct repo_type from present
),

previous_dates as (
    select listings.repo_type, max(listings.snapshot_date) as previous_date
    from listings
    inner join listed_types on listings.repo_type = listed_types.repo_type
    where listings.snapshot_date < date '{{ var('snapshot_date') }}'
    group by listings.repo_type
),

previous as (
    select listings.*
    from listings
    inner join previous_dates
        on listings.repo_type = previous_dates.repo_type and listings.snapshot_date = previous_dates.previous_date
),

-- a repository that returns after a partial listing is credited with all downloads since it was last seen
returned as (
    select present.repo_type, present.repo_key
    from present
    inner join previous_dates on present.repo_type = previous_dates.repo_type
    left join previous on present.repo_type = previous.repo_type and present.repo_key = previous.repo_key
    where previous.repo_key is null and present.created_at < previous_dates.previous_date
),

seen as (
    select
        listings.*,
        row_number() over (
            partition by listings.repo_type, listings.repo_key order by listings.snapshot_date desc
        ) as place
    from listings
    inner join returned on listings.repo_type = returned.repo_type and listings.repo_key = returned.repo_key
    where
        listings.snapshot_date < date '{{ var('snapshot_date') }}'
        and listings.snapshot_date >= date '{{ var('snapshot_date') }}' - interval '56 days'
),

known as (
    select
        snapshot_date, repo_type, repo_key, repo_id, observed_at, created_at, last_modified_at, n_likes, n_downloads,
        n_downloads_all_time
    from previous
    union all
    select
        snapshot_date, repo_type, repo_key, repo_id, observed_at, created_at, last_modified_at, n_likes, n_downloads,
        n_downloads_all_time
    from seen
    where place = 1
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    coalesce(present.repo_type, known.repo_type) as repo_type,
    coalesce(present.repo_key, known.repo_key) as repo_key,
    coalesce(present.repo_id, known.repo_id) as repo_id,
    known.repo_id as previous_repo_id,
    coalesce(present.created_at, known.created_at) as created_at,
    present.repo_key is not null as is_listed,
    coalesce(known.snapshot_date = previous_dates.previous_date, false) as was_listed,
    known.snapshot_date as previous_date,
    present.observed_at,
    known.observed_at as previous_observed_at,
    present.n_downloads,
    known.n_downloads as previous_n_downloads,
    present.n_downloads_all_time,
    known.n_downloads_all_time as previous_n_downloads_all_time,
    present.n_downloads_all_time - known.n_downloads_all_time as n_new_downloads,
    present.n_likes,
    known.n_likes as previous_n_likes,
    present.n_likes - known.n_likes as n_new_likes,
    case
        when present.repo_key is not null and known.repo_key is not null
            then
                present.repo_id <> known.repo_id
                or coalesce(present.n_downloads, -1) <> coalesce(known.n_downloads, -1)
                or coalesce(present.n_downloads_all_time, -1) <> coalesce(known.n_downloads_all_time, -1)
                or coalesce(present.n_likes, -1) <> coalesce(known.n_likes, -1)
                or coalesce(present.last_modified_at, timestamp '1970-01-01')
                <> coalesce(known.last_modified_at, timestamp '1970-01-01')
    end as is_changed
from present
full outer join known on present.repo_type = known.repo_type and present.repo_key = known.repo_key
left join previous_dates on coalesce(present.repo_type, known.repo_type) = previous_dates.repo_type
