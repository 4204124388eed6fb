with

published as (
    select * from {{ ref('published_values') }}
),

activity as (
    select * from {{ ref('mart__repo_activity') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

summary as (
    select *, repo_type || 's ' || variable as named from {{ ref('mart__activity_summary') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

summaries as (
    select named || ' mean' as quantity, mean as ours from summary
    union all
    select named || ' std', std from summary
    union all
    select named || ' min', min from summary
    union all
    select named || ' p25', p25 from summary
    union all
    select named || ' p50', p50 from summary
    union all
    select named || ' p75', p75 from summary
    union all
    select named || ' max', max from summary
    union all
    select named || ' share_zero', share_zero from summary
),

repositories as (
    select
        repo_type,
        count(*) as n_repos,
        count(n_downloads) as n_known,
        count(case when n_downloads > 1000000 then 1 end) as n_downloaded,
        avg(case when n_community is not null then cast(n_community = 1 as integer) end) as share_alone
    from activity
    group by repo_type
),

counts as (
    select repo_type || 's count' as quantity, n_repos as ours from repositories
    union all
    select repo_type || 's above 1000000 downloads count', case when n_known > 0 then n_downloaded end
    from repositories
    union all
    select repo_type || 's with one contributor share', share_alone from repositories
),

tops as (
    select repo_type || 's ' || variable || ' rank ' || cast(rank as varchar) as quantity, value as ours
    from {{ ref('mart__top_repositories') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

concentrations as (
    select
        repo_type || 's holding ' || cast(cast(round(100 * target_share) as integer) as varchar) || ' % of ' || variable
            as quantity,
        share_of_repos as ours
    from {{ source('stats', 'concentration') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

correlated as (
    select repo_type || 's ' || variable_x || ' ~ ' || variable_y as named, pearson, pearson_p
    from {{ source('stats', 'correlations') }}
    where snapshot_date = {{ var('snapshot_date') }} and license_group = 'all'
),

correlations as (
    select named || ' pearson' as quantity, pearson as ours from correlated
    union all
    select named || ' pearson_p', pearson_p from correlated
),

-- the first license of a repository counts, as in the study
licensed as (
    select
        repo_type,
        sum(n_first) as n_repos,
        sum(case when license <> 'none' then n_first else 0 end) as n_licensed,
        sum(case when license = 'apache-2.0' then n_first else 0 end) as n_apache,
        sum(case when license = 'mit' then n_first else 0 end) as n_mit,
        sum(case when license = 'openrail' then n_first else 0 end) as n_openrail,
        sum(case when license = 'creativeml-openrail-m' then n_first else 0 end) as n_creativeml,
        sum(case when license like 'cc-by%-4.0' then n_first else 0 end) as n_cc
    from {{ ref('stats__license_shares') }}
    where snapshot_date = {{ var('snapshot_date') }}
    group by repo_type
),

licenses as (
    select repo_type || 's license none share_of_repos' as quantity, 1 - n_licensed / n_repos as ours from licensed
    union all
    select repo_type || 's license apache-2.0 share_of_licensed', n_apache / nullif(n_licensed, 0) from licensed
    union all
    select repo_type || 's license mit share_of_licensed', n_mit / nullif(n_licensed, 0) from licensed
    union all
    select repo_type || 's license openrail share_of_licensed', n_openrail / nullif(n_licensed, 0) from licensed
    union all
    select repo_type || 's license creativeml-openrail-m share_of_licensed', n_creativeml / nullif(n_licensed, 0)
    from licensed
    union all
    select repo_type || 's license cc 4.0 family share_of_licensed', n_cc / nullif(n_licensed, 0) from licensed
),

tests as (
    select * from {{ source('stats', 'license_tests') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

-- likes are known of every model that is listed, and each of the three groups is in two of their pairs
tested as (
    select sum(n_a + n_b) / 2 as n_models
    from tests
    where variable = 'n_likes'
),

license_tests as (
    select 'models ' || variable || ' ' || group_a || ' vs ' || group_b || ' U' as quantity, u_a as ours from tests
    union all
    select 'models license tests greatest p', max(p_value) from tests
    union all
    select 'models in license tests count', n_models from tested
    union all
    select 'models in license tests share', tested.n_models / repositories.n_repos
    from tested
    cross join repositories
    where repositories.repo_type = 'model'
),

measured as (
    select * from summaries
    union all
    select * from counts
    union all
    select * from tops
    union all
    select * from concentrations
    union all
    select * from correlations
    union all
    select * from licenses
    union all
    select * from license_tests
)

select
    {{ var('snapshot_date') }} as snapshot_date,
    published.figure,
    published.quantity,
    published.published,
    published.relation,
    cast(measured.ours as double) as ours,
    cast(measured.ours as double) - published.published as difference,
    cast(measured.ours as double) / nullif(published.published, 0) as ratio
from published
left join measured on published.quantity = measured.quantity
