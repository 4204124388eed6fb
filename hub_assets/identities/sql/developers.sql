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
            order by
                case when rule = 'same_account' then 0 when decided_by = 'person' then 1 else 2 end asc,
                score desc, other asc
        ) as place
    from sides
)

select
    strings_by_age.author,
    strings_by_age.developer_id,
    strings_by_age.is_bot,
    strings_by_age.is_generic and not strings_by_age.is_bot as is_generic,
    case
        when strings_by_age.is_bot then 'bot'
        when strings_by_age.is_generic then 'generic'
        when ranked.decided_by = 'person' then 'decision'
        else coalesce(ranked.rule, 'alone')
    end as match_method,
    coalesce(programs.reason, ranked.evidence) as evidence,
    ranked.other as joined_with,
    strings_by_age.account_key,
    strings_by_age.first_seen_date,
    proposed_bots.bot_hint
from strings_by_age
left join ranked on strings_by_age.author = ranked.author and ranked.place = 1
left join programs on strings_by_age.author = programs.author
left join proposed_bots on strings_by_age.author = proposed_bots.author
order by strings_by_age.age_rank
