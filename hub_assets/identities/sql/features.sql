select * from all_features where name in (select author from authors where not is_bot)
