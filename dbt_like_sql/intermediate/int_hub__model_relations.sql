with

-- a model may name several bases with several relations; the most informative relation counts
related as (
    select
        repo_key,
        min(
            case relation
                when 'merge' then 1 when 'quantized' then 2 when 'adapter' then 3 when 'finetune' then 4 else 5
            end
        ) as place
    from {{ ref('mart__base_model_edges') }}
    where snapshot_date = date '{{ var('snapshot_date') }}' and not is_self_loop
    group by repo_key
)

select
    models.snapshot_date,
    models.repo_key,
    case
        when related.place is null then 'original'
        when related.place = 1 then 'merge'
        when related.place = 2 then 'quantized'
        when related.place = 3 then 'adapter'
        when related.place = 4 then 'finetune'
        else 'unspecified'
    end as relation,
    related.place is not null as is_derivative
from {{ ref('mart__models') }} as models
left join related on models.repo_key = related.repo_key
where models.snapshot_date = date '{{ var('snapshot_date') }}'
