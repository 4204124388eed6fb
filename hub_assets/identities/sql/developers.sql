with
sides as (
    select author_a as author, author_b as other, rule, decided_by, score, evidence from made
    union all
    select author_b, author_a, rule, decided_by, score, evidence from made
),
ranked as (
    select
        *,
        row_number() over (
            partition by author
            order by case when rule = 'same_account' then 0 when decided_by = 'person' then 1 else 2 end,
                score desc, other
        ) as place
    from sides
)
select
    born.author,
    born.developer_id,
    born.is_bot,
    born.is_generic and not born.is_bot as is_generic,
    case
        when born.is_bot then 'bot'
        when born.is_generic then 'generic'
        when ranked.decided_by = 'person' then 'decision'
        else coalesce(ranked.rule, 'alone')
    end as match_method,
    coalesce(programs.reason, ranked.evidence) as evidence,
    ranked.other as joined_with,
    born.account_key,
    born.first_seen_date,
    proposed_bots.bot_hint
from born
left join ranked on born.author = ranked.author and ranked.place = 1
left join programs on born.author = programs.author
left join proposed_bots on born.author = proposed_bots.author
order by born.birth
