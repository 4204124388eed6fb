-- the Hub leads from another spelling, and from an old name, to an account: a name that git was told is not that
-- account for it. And a handle that was two accounts' changed hands, and says nothing of who bore it
select answers.author, min(answers.account_key) as account_key
from answers inner join all_authors on answers.author = all_authors.author
where answers.outcome = 'ok' and answers.account_key is not null
    and (answers.name = answers.author or all_authors.is_linked)
    and all_authors.is_linked is not false
group by answers.author
having count(distinct answers.account_key) = 1
