"""Numbers with their uncertainty. The central idea is the Estimate (`estimators`): a value and its standard error, from
independent replicas or from chains whose correlation time is taken into account; where too few samples are left, an
exception instead of a number. R-hat of one or many observables (`chains`), averages over time that agree or do not
(`time_averages`), the entropy of a cloud from its nearest neighbours (`nearest_neighbours`, `patches`), and quantiles
of many rows at once (`quantiles`).
"""
