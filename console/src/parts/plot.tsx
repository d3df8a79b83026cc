// A small plot: bars over time. What it shows is also said in words, for those who do not see it.

export interface Series {
  name: string;
  values: readonly number[];
}

const WIDTH = 600;
const HEIGHT = 80;

// Bars of the series upon each other. `labels` name the bars for who hovers over them.
export function Plot({ title, series, labels }: { title: string; series: readonly Series[]; labels: readonly string[] }) {
  const totals = labels.map((_, at) => series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0));
  const most = Math.max(1, ...totals);
  const step = WIDTH / Math.max(1, labels.length);
  const bars = labels.flatMap((label, at) => {
    let below = 0;
    return series.map((one) => {
      const value = one.values[at] ?? 0;
      below += value;
      if (value === 0) return null;
      return (
        <rect
          key={`${at} ${one.name}`}
          class={`bar ${one.name}`}
          x={at * step + 0.5}
          width={Math.max(1, step - 1)}
          y={HEIGHT - (below / most) * HEIGHT}
          height={(value / most) * HEIGHT}
        >
          <title>{`${label}: ${value} ${one.name}`}</title>
        </rect>
      );
    });
  });
  const said = series.map((one) => `${one.values.reduce((sum, value) => sum + value, 0)} ${one.name}`).join(', ');
  return (
    <figure class="plot">
      <figcaption>
        {title}{' '}
        <span class="quiet">
          {said}; at most {most} a bar
        </span>
      </figcaption>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label={`${title}: ${said}`}>
        {bars}
      </svg>
    </figure>
  );
}
