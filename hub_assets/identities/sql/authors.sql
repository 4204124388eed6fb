-- the Hub may fail to link commits to an existing account, and an account found under an unlinked name may belong to
-- somebody else. If the account found is spelled differently from the unlinked name, the name is not that account's
select
    all_authors.author,
    all_authors.n_commits,
    case
        when not regexp_full_match(all_authors.author, '{{ handle }}') then false
        when all_authors.is_linked and coalesce(last_answers.outcome, 'ok') = 'ok' then true
        when respelled.author is not null then false
        when all_authors.is_linked is null and last_answers.name = all_authors.author then true
        when all_authors.is_linked is not true and last_answers.outcome = 'gone' then false
        when all_authors.is_linked is false and last_answers.name <> all_authors.author then false
    end as is_account,
    case
        when all_authors.is_linked or (all_authors.is_linked is null and last_answers.name = all_authors.author)
            then last_answers.account_key
    end as account_key,
    -- the account that the string belongs to, if any; only a person or the rule `same_account` may merge two accounts
    case
        when same_accounts.account_key is not null then same_accounts.account_key
        when is_account is false then null
        when all_authors.is_linked or handles.author is not null then all_authors.author
    end as account,
    case when is_account is not false then last_answers.account_type = 'org' end as is_organization,
    -- a full name that repeats the handle adds no information
    case
        when full_names.normal = own_names.normal and not contains(last_answers.full_name, ' ') then null
        when last_answers.full_name in (select placeholder_names.name from placeholder_names) then null
        when is_account or (is_account is null and last_answers.name = all_authors.author)
            then last_answers.full_name
    end as full_name,
    all_authors.is_linked,
    bots.author is not null as is_bot,
    own_placeholders.name is not null and all_authors.is_linked is not true as is_generic
from all_authors
left join last_answers on all_authors.author = last_answers.author
left join same_accounts on all_authors.author = same_accounts.author
left join handles on all_authors.author = handles.author
left join bots on all_authors.author = bots.author
left join respelled on all_authors.author = respelled.author
left join placeholder_names as own_placeholders on all_authors.author = own_placeholders.name
inner join all_features as own_names on all_authors.author = own_names.name
left join all_features as full_names on last_answers.full_name = full_names.name
