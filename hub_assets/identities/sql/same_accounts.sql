-- the Hub redirects old names and other spellings to an account. A string that the Hub never linked is not that
-- account. A handle that led to two accounts changed owners and identifies neither
select answers.author, min(answers.account_key) as account_key
from answers inner join all_authors on answers.author = all_authors.author
where
    answers.outcome = 'ok' and answers.account_key is not null
    and (answers.name = answers.author or all_authors.is_linked)
    and all_authors.is_linked is not false
group by answers.author
having count(distinct answers.account_key) = 1
