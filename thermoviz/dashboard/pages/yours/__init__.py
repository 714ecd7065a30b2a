"""The page "Yours": a table, a drawing or a run file is brought, trained or opened, shown, shared and deleted."""
