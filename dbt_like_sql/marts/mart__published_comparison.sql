with

published as (
    select * from {{ ref('published_values') }}
),

repositories as (
    select
        published.place,
        case published.measure
            when 'n_repos' then count(*)
            when 'n_above'
                then case
                    when count(activity.n_downloads) > 0
                        then count(case when activity.n_downloads > try_cast(published.cut as bigint) then 1 end)
                end
            when 'share_equal'
                then avg(
                    case
                        when activity.n_community is not null
                            then cast(activity.n_community = try_cast(published.cut as bigint) as integer)
                    end
                )
        end as ours,
        case published.measure
            when 'n_repos' then count(*)
            when 'n_above' then count(activity.n_downloads)
            when 'share_equal' then count(activity.n_community)
        end as n,
        count(*) as n_listed
    from published
    inner join {{ ref('mart__repo_activity') }} as activity on published.subject = activity.repo_type
    where
        published.source_table = 'mart__repo_activity'
        and activity.snapshot_date = date '{{ var('snapshot_date') }}'
    group by published.place, published.measure
),

summaries as (
    select
        published.place,
        case published.measure
            when 'mean' then summary.mean
            when 'std' then summary.std
            when 'min' then summary.min
            when 'p25' then summary.p25
            when 'p50' then summary.p50
            when 'p75' then summary.p75
            when 'max' then summary.max
            when 'share_zero' then summary.share_zero
        end as ours,
        summary.n,
        summary.share_known
    from published
    inner join {{ ref('mart__activity_summary') }} as summary
        on published.subject = summary.repo_type
        and published.item = summary.variable
    where
        published.source_table = 'mart__activity_summary'
        and summary.snapshot_date = date '{{ var('snapshot_date') }}'
),

tops as (
    select published.place, tops.value as ours, tops.n, tops.share_known
    from published
    inner join {{ ref('mart__top_repositories') }} as tops
        on published.subject = tops.repo_type
        and published.item = tops.variable
        and published.cut = cast(tops.rank as varchar)
    where
        published.source_table = 'mart__top_repositories'
        and tops.snapshot_date = date '{{ var('snapshot_date') }}'
),

concentrations as (
    select published.place, concentration.share_of_repos as ours, concentration.n, concentration.share_known
    from published
    inner join {{ source('stats', 'concentration') }} as concentration
        on published.subject = concentration.repo_type
        and published.item = concentration.variable
        and try_cast(published.cut as double) = round(concentration.target_share, 4)
    where
        published.source_table = 'stats__concentration'
        and concentration.snapshot_date = date '{{ var('snapshot_date') }}'
),

correlations as (
    select
        published.place,
        case published.measure when 'pearson' then correlations.pearson when 'pearson_p' then correlations.pearson_p end
            as ours,
        correlations.n,
        correlations.share_known
    from published
    inner join {{ source('stats', 'correlations') }} as correlations
        on published.subject = correlations.repo_type
        and published.item = correlations.variable_x
        and published.compared_with = correlations.variable_y
    where
        published.source_table = 'stats__correlations'
        and correlations.snapshot_date = date '{{ var('snapshot_date') }}'
        and correlations.license_group = 'all'
),

license_shares as (
    select * from {{ ref('stats__license_shares') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- only a repository's first license counts, as in the study
licensed as (
    select
        repo_type,
        any_value(n_known) as n_known,
        any_value(share_known) as share_known,
        sum(case when license <> 'none' then n_first else 0 end) as n_licensed
    from license_shares
    group by repo_type
),

-- an unused license has 0 repositories; `item` may match several licenses
licenses_first as (
    select published.place, published.subject, published.measure, coalesce(sum(license_shares.n_first), 0) as n_first
    from published
    left join license_shares
        on published.subject = license_shares.repo_type
        and license_shares.license like published.item
    where published.source_table = 'stats__license_shares'
    group by published.place, published.subject, published.measure
),

licenses as (
    select
        licenses_first.place,
        case licenses_first.measure
            when 'share_of_repos' then licenses_first.n_first / nullif(licensed.n_known, 0)
            when 'share_of_licensed' then licenses_first.n_first / nullif(licensed.n_licensed, 0)
        end as ours,
        case licenses_first.measure when 'share_of_repos' then licensed.n_known else licensed.n_licensed end as n,
        licensed.share_known
    from licenses_first
    inner join licensed on licenses_first.subject = licensed.repo_type
),

tests as (
    select * from {{ source('stats', 'license_tests') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- the tests that the study reports, whether or not they could be run
printed as (
    select published.place, tests.u_a, tests.p_value, tests.n_a + tests.n_b as n, tests.share_known
    from published
    left join tests
        on published.item = tests.variable
        and published.cut = tests.group_a
        and published.compared_with = tests.group_b
    where published.source_table = 'stats__license_tests' and published.measure = 'u_a'
),

-- the maximum p is comparable with the study's only if all tests that the study reports were run
greatest as (
    select
        case when count(p_value) = count(*) then max(p_value) end as p_value,
        min(n) as n,
        min(share_known) as share_known
    from printed
),

-- each of the three groups appears in two pairs
tested as (
    select cast(sum(n_listed_a + n_listed_b) / 2 as bigint) as n_listed
    from tests
    where variable = 'n_likes'
),

models as (
    select count(*) as n_models
    from {{ ref('mart__repo_activity') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and repo_type = 'model'
),

license_tests as (
    select place, u_a as ours, n, share_known from printed
    union all
    select
        published.place,
        case published.measure
            when 'p_value' then greatest.p_value
            when 'n_listed' then tested.n_listed
            when 'share_listed' then tested.n_listed / nullif(models.n_models, 0)
        end as ours,
        case published.measure
            when 'p_value' then greatest.n
            when 'n_listed' then tested.n_listed
            when 'share_listed' then nullif(models.n_models, 0)
        end as n,
        case published.measure when 'p_value' then greatest.share_known else 1.0 end as share_known
    from published
    cross join greatest
    cross join tested
    cross join models
    where published.source_table = 'stats__license_tests' and published.measure <> 'u_a'
),

-- use the edge rule of the published script, without bots. The study's last row is always the maximum k, which may
-- equal the k of another row
cores as (
    select
        published.place,
        case published.measure
            when 'k' then cores.k
            when 'nodes' then cores.nodes
            when 'edges' then cores.edges
            when 'modularity' then cores.modularity
            when 'communities' then cores.communities
            when 'density' then cores.density
            when 'reciprocity' then cores.reciprocity
            when 'rich_club' then cores.rich_club
            when 'assortativity' then cores.assortativity
            when 'average_degree' then cores.average_degree
            when 'average_clustering' then cores.average_clustering
        end as ours,
        cores.nodes as n,
        cores.share_known
    from published
    inner join {{ source('network', 'collaboration_cores') }} as cores
        on published.subject = cores.network
        and (published.cut = cast(cores.k as varchar) or (published.cut = 'max' and cores.is_max_k))
    where
        published.source_table = 'network__collaboration_cores'
        and cores.snapshot_date = date '{{ var('snapshot_date') }}'
        and cores.edge_rule = 'first_author'
        and not cores.includes_bots
),

collaborations as (
    select
        published.place,
        case published.measure
            when 'n_developers' then summary.n_developers
            when 'share_isolates' then summary.share_isolates
            when 'degree_mean' then summary.degree_mean
            when 'degree_median' then summary.degree_median
            when 'degree_max' then summary.degree_max
            when 'degree_std' then summary.degree_std
            when 'pagerank_mean' then summary.pagerank_mean
            when 'pagerank_median' then summary.pagerank_median
            when 'pagerank_max' then summary.pagerank_max
            when 'pagerank_std' then summary.pagerank_std
        end as ours,
        -- degree and PageRank exclude isolates
        case
            when published.measure in ('n_developers', 'share_isolates') then summary.n_developers else summary.nodes
        end
            as n,
        summary.share_known
    from published
    inner join {{ source('network', 'summary') }} as summary on published.subject = summary.network
    where
        published.source_table = 'network__summary'
        and summary.snapshot_date = date '{{ var('snapshot_date') }}'
        and summary.edge_rule = 'first_author' and not summary.includes_bots
),

-- listings contain the models that Spaces use, so coverage is complete
usage as (
    select
        published.place,
        case published.measure
            when 'n' then degrees.n
            when 'n_at_least_1000' then degrees.n_at_least_1000
            when 'mean' then degrees.mean
            when 'p50' then degrees.p50
            when 'std' then degrees.std
            when 'max' then degrees.max
        end as ours,
        degrees.n
    from published
    inner join {{ source('network', 'usage_summary') }} as degrees
        on published.subject = degrees.network
        and published.cut = degrees.ranking
    where
        published.source_table = 'network__usage_summary'
        and degrees.snapshot_date = date '{{ var('snapshot_date') }}'
),

used_models as (
    select network, lower(repo_id) as spelling, n_spaces, count(*) over (partition by network) as n_models
    from {{ ref('network__model_usage') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- models are matched by their id in the snapshot week, so a renamed model counts as a different model; two keys may
-- share an id
model_usage as (
    select published.place, max(used_models.n_spaces) as ours, max(used_models.n_models) as n
    from published
    inner join used_models
        on published.subject = used_models.network
        and lower(published.item) = used_models.spelling
    where published.source_table = 'network__model_usage'
    group by published.place
),

developers as (
    select network, ranking, organization, kind, n_models, share_of_leading_five
    from {{ ref('network__top_organizations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

rankings as (
    select network, ranking, sum(n_models) as n, any_value(share_of_leading_five) as share_of_leading_five
    from developers
    group by network, ranking
),

known_developers as (
    select distinct organization, kind from {{ ref('organizations') }}
),

-- a known organization without models in a ranking has a count of 0
leaders as (
    select
        published.place,
        case published.measure
            when
                'n_models'
                then case when known_developers.organization is not null then coalesce(developers.n_models, 0) end
            when 'share_of_leading_five' then rankings.share_of_leading_five
        end as ours,
        rankings.n
    from published
    inner join rankings
        on published.subject = rankings.network
        and published.cut = rankings.ranking
    left join known_developers on published.item = known_developers.organization
    left join developers
        on published.subject = developers.network
        and published.cut = developers.ranking
        and known_developers.organization = developers.organization
        and known_developers.kind = developers.kind
    where published.source_table = 'network__top_organizations'
),

measured as (
    select place, ours, n, n / n_listed as share_known from repositories
    union all
    select place, ours, n, share_known from summaries
    union all
    select place, ours, n, share_known from tops
    union all
    select place, ours, n, share_known from concentrations
    union all
    select place, ours, n, share_known from correlations
    union all
    select place, ours, n, share_known from licenses
    union all
    select place, ours, n, share_known from license_tests
    union all
    select place, ours, n, share_known from cores
    union all
    select place, ours, n, share_known from collaborations
    union all
    select place, ours, n, 1.0 as share_known from usage
    union all
    select place, ours, n, 1.0 as share_known from model_usage
    union all
    select place, ours, n, 1.0 as share_known from leaders
),

-- U grows with the product of the group sizes, so it cannot be compared across snapshots. The study's rich-club values
-- do not match the study's own definition of the coefficient
compared as (
    select
        published.*,
        cast(measured.ours as double) as ours,
        cast(measured.n as bigint) as n,
        cast(measured.share_known as double) as share_known,
        published.measure not in ('u_a', 'rich_club') as is_comparable
    from published
    left join measured on published.place = measured.place
)

select
    date '{{ var('snapshot_date') }}' as snapshot_date,
    figure,
    quantity,
    published,
    relation,
    ours,
    case when is_comparable then ours - published end as difference,
    case when is_comparable then ours / nullif(published, 0) end as ratio,
    n,
    share_known,
    source_table,
    subject,
    measure,
    place
from compared
order by place
