-- a name that is not an account, paired with the owner of repositories to which nobody else committed. Such pairs go to
-- review because a copied history keeps its original authors
with
alone as (
    select repo, namespace, min(author) as author
    from participations
    where is_committer
    group by repo, namespace
    having count(*) = 1 and bool_or(is_first_author)
),

owners as (
    select namespace, min(author) as author
    from alone
    group by namespace
    having count(distinct author) = 1
)

select owners.author as x, owners.namespace as y
from owners
inner join authors as names on owners.author = names.author
inner join authors as accounts on owners.namespace = accounts.author
where
    names.is_account is false and not names.is_generic
    and accounts.is_account is not false and not accounts.is_bot
    and accounts.is_organization is not true
