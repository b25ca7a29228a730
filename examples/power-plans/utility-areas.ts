/** The five companies that own the wires. Who delivers is a matter of place; who sells is a matter of choice. */
export const UTILITY_AREAS = {
  oncor: {
    name: 'Oncor',
    region: 'North, Central and West Texas',
    about:
      'Oncor owns the poles and wires around Dallas and Fort Worth, and on through Waco, Tyler, Wichita Falls, Midland and Odessa. It is the largest delivery utility in Texas.',
  },
  centerpoint: {
    name: 'CenterPoint',
    region: 'Greater Houston',
    about:
      'CenterPoint Energy delivers electricity in and around Houston, from Katy to Baytown and from The Woodlands down towards the Gulf.',
  },
  'aep-central': {
    name: 'AEP Texas Central',
    region: 'South Texas',
    about:
      'AEP Texas Central delivers electricity along the coastal bend and the Rio Grande: Corpus Christi, Victoria, Laredo, McAllen, Harlingen.',
  },
  'aep-north': {
    name: 'AEP Texas North',
    region: 'West Texas and the Rolling Plains',
    about:
      'AEP Texas North delivers electricity around Abilene and San Angelo and in the small towns of the plains between them.',
  },
  tnmp: {
    name: 'Texas-New Mexico Power',
    region: 'Gulf Coast, North and far West Texas',
    about:
      'TNMP delivers electricity in scattered patches: the Gulf Coast between Galveston and Angleton, towns north of Dallas around Lewisville, and far West Texas around Pecos.',
  },
} as const;

export type UtilityAreaId = keyof typeof UTILITY_AREAS;
export const UTILITY_AREA_IDS = Object.keys(UTILITY_AREAS) as UtilityAreaId[];

/** A point on the map; degrees. */
export interface Place {
  readonly latitude: number;
  readonly longitude: number;
}

/** Places each utility is known to serve. A city belongs to the utility of the nearest one. */
const SERVICE_POINTS: Record<UtilityAreaId, readonly (readonly [latitude: number, longitude: number])[]> = {
  oncor: [
    ...([
      [32.78, -96.8],
      [32.73, -97.32],
      [33.02, -96.7],
      [32.35, -95.3],
      [31.55, -97.15],
      [31.12, -97.73],
    ] as const),
    ...([
      [30.51, -97.68],
      [30.27, -97.74],
      [32.0, -102.08],
      [31.85, -102.37],
      [33.91, -98.49],
      [31.34, -94.73],
    ] as const),
    ...([
      [33.21, -97.13],
      [32.91, -97.08],
      [32.96, -96.9],
      [33.14, -95.6],
      [31.71, -98.98],
      [33.64, -96.61],
      [32.25, -101.48],
      [33.58, -101.86],
      [32.5, -94.74],
    ] as const),
  ],
  centerpoint: [
    [29.76, -95.37],
    [29.79, -95.82],
    [29.74, -94.98],
    [30.08, -95.42],
    [29.62, -95.63],
    [29.56, -95.29],
    [30.31, -95.46],
  ],
  'aep-central': [
    ...([
      [27.8, -97.4],
      [28.81, -97.0],
      [27.51, -99.51],
      [26.2, -98.23],
      [26.19, -97.7],
      [28.71, -100.5],
    ] as const),
    ...([
      [29.36, -100.9],
      [29.42, -98.49],
      [28.98, -95.97],
    ] as const),
  ],
  'aep-north': [
    [32.45, -99.73],
    [31.46, -100.44],
    [34.15, -99.27],
    [34.43, -100.2],
    [35.2, -101.83],
    [30.36, -103.66],
  ],
  tnmp: [
    [29.4, -94.93],
    [29.3, -94.8],
    [29.17, -95.43],
    [29.5, -95.09],
    [33.05, -96.99],
    [33.63, -97.13],
    [31.42, -103.49],
    [30.89, -102.88],
    [31.77, -106.44],
  ],
};

/** Whose wires reach a place. */
export function utilityAreaAt(place: Place): UtilityAreaId {
  let nearest: UtilityAreaId = 'oncor';
  let nearestMiles = Infinity;
  for (const area of UTILITY_AREA_IDS) {
    for (const [latitude, longitude] of SERVICE_POINTS[area]) {
      const miles = milesBetween(place, { latitude, longitude });
      if (miles < nearestMiles) [nearest, nearestMiles] = [area, miles];
    }
  }
  return nearest;
}

const EARTH_RADIUS_MILES = 3958.8;

/** Great-circle distance (haversine). */
export function milesBetween(a: Place, b: Place): number {
  const radians = Math.PI / 180;
  const dLatitude = (b.latitude - a.latitude) * radians;
  const dLongitude = (b.longitude - a.longitude) * radians;
  const h =
    Math.sin(dLatitude / 2) ** 2 +
    Math.cos(a.latitude * radians) * Math.cos(b.latitude * radians) * Math.sin(dLongitude / 2) ** 2;
  return 2 * EARTH_RADIUS_MILES * Math.asin(Math.sqrt(h));
}
