-- two strings that led to the same account, for example before and after a rename, or that differ only in case and are
-- both linked to an account
select min(author) over (partition by account_key) as x, author as y
from same_accounts
where author in (select features.name from features)
union
select one.author as x, other.author as y
from authors as one
inner join authors as other on lower(one.author) = lower(other.author) and one.author < other.author
where one.is_linked and other.is_linked and not one.is_bot and not other.is_bot
