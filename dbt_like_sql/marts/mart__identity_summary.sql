with

developers as (
    select snapshot_date, developer_id, is_bot, is_generic, decisions_hash
    from {{ source('core', 'developers') }}
    where snapshot_date = date '{{ var('snapshot_date') }}'
)

select
    snapshot_date,
    count(*) as n_author_strings,
    count(case when is_bot then 1 end) as n_bots,
    count(case when is_generic then 1 end) as n_generic_names,
    count(case when not is_bot and not is_generic then 1 end) as n_names,
    count(distinct case when not is_bot and not is_generic then developer_id end) as n_developers,
    count(case when not is_bot and not is_generic then 1 end)
    - count(distinct case when not is_bot and not is_generic then developer_id end) as n_names_merged,
    max(decisions_hash) as decisions_hash
from developers
group by snapshot_date
