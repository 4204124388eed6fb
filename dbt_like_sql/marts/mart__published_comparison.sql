with

published as (
    select *, row_number() over () as place from {{ ref('published_values') }}
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
    select named || ' mean' as quantity, mean as ours, n, share_known from summary
    union all
    select named || ' std', std, n, share_known from summary
    union all
    select named || ' min', min, n, share_known from summary
    union all
    select named || ' p25', p25, n, share_known from summary
    union all
    select named || ' p50', p50, n, share_known from summary
    union all
    select named || ' p75', p75, n, share_known from summary
    union all
    select named || ' max', max, n, share_known from summary
    union all
    select named || ' share_zero', share_zero, n, share_known from summary
),

repositories as (
    select
        repo_type,
        count(*) as n_repos,
        count(n_downloads) as n_known,
        count(case when n_downloads > 1000000 then 1 end) as n_downloaded,
        count(n_community) as n_with_people,
        avg(case when n_community is not null then cast(n_community = 1 as integer) end) as share_alone
    from activity
    group by repo_type
),

counts as (
    select repo_type || 's count' as quantity, n_repos as ours, n_repos as n, 1.0 as share_known
    from repositories
    union all
    select
        repo_type || 's above 1000000 downloads count', case when n_known > 0 then n_downloaded end, n_known,
        n_known / n_repos
    from repositories
    union all
    select repo_type || 's with one contributor share', share_alone, n_with_people, n_with_people / n_repos
    from repositories
),

tops as (
    select
        repo_type || 's ' || variable || ' rank ' || cast(rank as varchar) as quantity, value as ours, n, share_known
    from {{ ref('mart__top_repositories') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

concentrations as (
    select
        repo_type || 's holding ' || cast(cast(round(100 * target_share) as integer) as varchar) || ' % of ' || variable
            as quantity,
        share_of_repos as ours,
        n,
        share_known
    from {{ source('stats', 'concentration') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

correlated as (
    select repo_type || 's ' || variable_x || ' ~ ' || variable_y as named, pearson, pearson_p, n, share_known
    from {{ source('stats', 'correlations') }}
    where snapshot_date = {{ var('snapshot_date') }} and license_group = 'all'
),

correlations as (
    select named || ' pearson' as quantity, pearson as ours, n, share_known from correlated
    union all
    select named || ' pearson_p', pearson_p, n, share_known from correlated
),

-- the first license of a repository counts, as in the study
licensed as (
    select
        repo_type,
        any_value(n_known) as n_known,
        any_value(share_known) as share_known,
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
    select
        repo_type || 's license none share_of_repos' as quantity, 1 - n_licensed / n_known as ours, n_known as n,
        share_known
    from licensed
    union all
    select repo_type || 's license apache-2.0 share_of_licensed', n_apache / nullif(n_licensed, 0), n_licensed, share_known
    from licensed
    union all
    select repo_type || 's license mit share_of_licensed', n_mit / nullif(n_licensed, 0), n_licensed, share_known
    from licensed
    union all
    select repo_type || 's license openrail share_of_licensed', n_openrail / nullif(n_licensed, 0), n_licensed, share_known
    from licensed
    union all
    select
        repo_type || 's license creativeml-openrail-m share_of_licensed', n_creativeml / nullif(n_licensed, 0), n_licensed,
        share_known
    from licensed
    union all
    select repo_type || 's license cc 4.0 family share_of_licensed', n_cc / nullif(n_licensed, 0), n_licensed, share_known
    from licensed
),

tests as (
    select * from {{ source('stats', 'license_tests') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

-- each of the three groups is in two of their pairs
tested as (
    select cast(sum(n_listed_a + n_listed_b) / 2 as bigint) as n_models
    from tests
    where variable = 'n_likes'
),

license_tests as (
    select
        'models ' || variable || ' ' || group_a || ' vs ' || group_b || ' U' as quantity, u_a as ours, n_a + n_b as n,
        share_known
    from tests
    union all
    -- of 24 tests, or it is not the greatest of what the study tests
    select
        'models license tests greatest p', case when count(p_value) = 24 then max(p_value) end, min(n_a + n_b),
        min(share_known)
    from tests
    union all
    select 'models in license tests count', n_models, n_models, 1.0 from tested
    union all
    select 'models in license tests share', tested.n_models / repositories.n_repos, repositories.n_repos, 1.0
    from tested
    cross join repositories
    where repositories.repo_type = 'model'
),

-- the published script's rule of edges, and bots left out
-- the published script's rule of edges, and bots left out
cores as (
    select * from {{ source('network', 'collaboration_cores') }}
    where snapshot_date = {{ var('snapshot_date') }} and edge_rule = 'first_author' and bots = 'out'
),

-- the greatest k is the study's last row whatever it is, and may be the k of another row, too
named_cores as (
    select *, 'network ' || network || ' k ' || cast(k as varchar) as named from cores
    union all
    select *, 'network ' || network || ' k max' as named from cores where is_max_k
),

core_measures as (
    select named || ' nodes' as quantity, nodes as ours, nodes as n, share_known from named_cores
    union all
    select named || ' edges', edges, nodes, share_known from named_cores
    union all
    select named || ' modularity', modularity, nodes, share_known from named_cores
    union all
    select named || ' communities', communities, nodes, share_known from named_cores
    union all
    select named || ' density', density, nodes, share_known from named_cores
    union all
    select named || ' reciprocity', reciprocity, nodes, share_known from named_cores
    union all
    select named || ' rich_club', rich_club, nodes, share_known from named_cores
    union all
    select named || ' assortativity', assortativity, nodes, share_known from named_cores
    union all
    select named || ' average_degree', average_degree, nodes, share_known from named_cores
    union all
    select named || ' average_clustering', average_clustering, nodes, share_known from named_cores
    union all
    select 'network ' || network || ' greatest k', k, nodes, share_known from cores where is_max_k
),

collaborations as (
    select *, 'network ' || network as named
    from {{ source('network', 'summary') }}
    where snapshot_date = {{ var('snapshot_date') }} and edge_rule = 'first_author' and bots = 'out'
),

centralities as (
    select named || ' developers count' as quantity, n_developers as ours, n_developers as n, share_known
    from collaborations
    union all
    select named || ' isolates share', share_isolates, n_developers, share_known from collaborations
    union all
    select named || ' degree mean', degree_mean, nodes, share_known from collaborations
    union all
    select named || ' degree p50', degree_median, nodes, share_known from collaborations
    union all
    select named || ' degree max', degree_max, nodes, share_known from collaborations
    union all
    select named || ' degree std', degree_std, nodes, share_known from collaborations
    union all
    select named || ' pagerank mean', pagerank_mean, nodes, share_known from collaborations
    union all
    select named || ' pagerank p50', pagerank_median, nodes, share_known from collaborations
    union all
    select named || ' pagerank max', pagerank_max, nodes, share_known from collaborations
    union all
    select named || ' pagerank std', pagerank_std, nodes, share_known from collaborations
),

degrees as (
    select *, 'network ' || network || ' ' || ranking as named
    from {{ source('network', 'usage_summary') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

-- which models spaces use is told by their listings, of which nothing is missing
usage as (
    select named || ' models count' as quantity, n as ours, n, 1.0 as share_known from degrees
    union all
    select named || ' degree at least 1000 count', n_at_least_1000, n, 1.0 from degrees
    union all
    select named || ' degree mean', mean, n, 1.0 from degrees
    union all
    select named || ' degree p50', p50, n, 1.0 from degrees
    union all
    select named || ' degree std', std, n, 1.0 from degrees
    union all
    select named || ' degree max', max, n, 1.0 from degrees
),

used_models as (
    select network, repo_id, n_spaces, count(*) over (partition by network) as n_models
    from {{ ref('network__model_usage') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

-- by the id of the week: what is renamed is another model; two keys may share an id
model_usage as (
    select
        'network ' || network || ' usage ' || repo_id || ' spaces' as quantity,
        max(n_spaces) as ours,
        max(n_models) as n,
        1.0 as share_known
    from used_models
    group by network, repo_id
),

developers as (
    select network, ranking, organisation, kind, n_models, share_of_leading_five
    from {{ ref('network__top_organisations') }}
    where snapshot_date = {{ var('snapshot_date') }}
),

rankings as (
    select
        network,
        ranking,
        'network ' || network || ' ' || ranking as named,
        sum(n_models) as n,
        any_value(share_of_leading_five) as share_of_leading_five
    from developers
    group by network, ranking
),

known_developers as (
    select distinct organisation, kind from {{ ref('organisations') }}
),

-- who has none of the models in a ranking has 0 there
leaders as (
    select
        rankings.named || ' ' || known_developers.organisation || ' models' as quantity,
        coalesce(developers.n_models, 0) as ours,
        rankings.n,
        1.0 as share_known
    from rankings
    cross join known_developers
    left join developers
        on rankings.network = developers.network
        and rankings.ranking = developers.ranking
        and known_developers.organisation = developers.organisation
        and known_developers.kind = developers.kind
    union all
    select named || ' leading five share', share_of_leading_five, n, 1.0 from rankings
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
    union all
    select * from core_measures
    union all
    select * from centralities
    union all
    select * from usage
    union all
    select * from model_usage
    union all
    select * from leaders
),

-- U grows with the product of two groups' sizes: between two Hubs it says nothing. What the study prints as rich club is
-- not the coefficient that it defines
compared as (
    select
        published.*,
        cast(measured.ours as double) as ours,
        cast(measured.n as bigint) as n,
        cast(measured.share_known as double) as share_known,
        published.quantity not like '% U' and published.quantity not like '% rich_club' as is_comparable
    from published
    left join measured on published.quantity = measured.quantity
)

select
    {{ var('snapshot_date') }} as snapshot_date,
    figure,
    quantity,
    published,
    relation,
    ours,
    case when is_comparable then ours - published end as difference,
    case when is_comparable then ours / nullif(published, 0) end as ratio,
    n,
    share_known,
    place
from compared
order by place
