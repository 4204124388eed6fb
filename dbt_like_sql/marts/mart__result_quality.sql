with

shares as (
    select 'gini' as subject, gini as share from {{ source('stats', 'concentration') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'share_of_repos', share_of_repos from {{ source('stats', 'concentration') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'lorenz share_of_total', share_of_total from {{ source('stats', 'lorenz') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'license share_of_repos', share_of_repos from {{ ref('stats__license_shares') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'density', density from {{ source('network', 'collaboration_cores') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'reciprocity', reciprocity from {{ source('network', 'collaboration_cores') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

coefficients as (
    select 'pearson' as subject, pearson as coefficient from {{ source('stats', 'correlations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'spearman', spearman from {{ source('stats', 'correlations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'kendall', kendall from {{ source('stats', 'correlations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'modularity', modularity from {{ source('network', 'collaboration_cores') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

p_values as (
    select 'pearson_p' as subject, pearson_p as p from {{ source('stats', 'correlations') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    union all
    select 'license tests p_value', p_value from {{ source('stats', 'license_tests') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
),

-- the degrees of all developers must add up to twice the number of edges
degrees as (
    select network, sum(degree) as degrees, sum(in_degree) as in_degrees, sum(out_degree) as out_degrees
    from {{ source('network', 'developer_centrality') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and edge_rule = 'first_author' and not includes_bots
    group by network
),

edges as (
    select network, edges
    from {{ source('network', 'summary') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and edge_rule = 'first_author' and not includes_bots
),

measures as (
    select 'shares_out_of_range' as check_name, subject, cast(count(*) as double) as value
    from shares
    where share < 0 or share > 1 + 1e-9
    group by subject
    union all
    select 'coefficients_out_of_range', subject, count(*) from coefficients
    where abs(coefficient) > 1 + 1e-9
    group by subject
    union all
    select 'p_values_out_of_range', subject, count(*) from p_values
    where p < 0 or p > 1 + 1e-9
    group by subject
    union all
    select 'u_statistics_off', variable, max(abs(u_a + u_b - n_a * n_b)) / max(n_a * n_b)
    from {{ source('stats', 'license_tests') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
    group by variable
    union all
    select
        'degrees_off',
        degrees.network,
        abs(degrees.degrees - 2 * edges.edges) + abs(degrees.in_degrees - edges.edges)
        + abs(degrees.out_degrees - edges.edges)
    from degrees
    inner join edges on degrees.network = edges.network
),

-- an unknown value, such as a change in the first week, cannot fail
judged as (
    select
        date '{{ var('snapshot_date') }}' as snapshot_date,
        measures.check_name,
        measures.subject,
        measures.value,
        thresholds.minimum,
        thresholds.maximum,
        thresholds.severity,
        coalesce(measures.value >= thresholds.minimum, true) and coalesce(measures.value <= thresholds.maximum, true)
            as is_within
    from measures
    left join {{ ref('check_thresholds') }} as thresholds on measures.check_name = thresholds.check_name
)

select
    *,
    is_within or severity = 'warn' as is_publishable
from judged
